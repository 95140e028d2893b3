// Lint of the browser side: types first, and nothing that turns text into markup.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const markup = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc'];

export default tseslint.config(
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // Slots of signals are methods handed over with their object.
      '@typescript-eslint/unbound-method': 'off',
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-restricted-properties': [
        'error',
        ...markup.map(property => ({
          property,
          message: 'Text is shown as text: use textContent.'
        })),
        {
          object: 'document',
          property: 'write',
          message: 'Text is shown as text: use textContent.'
        }
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]',
          message: 'Text is shown as text.'
        },
        {
          selector: 'Identifier[name="createContextualFragment"]',
          message: 'Text is shown as text.'
        }
      ]
    }
  }
);
