/** Nodes of the page. Whatever comes from a job or an image becomes a text node, never markup. */

/** Make an element; `options` are attributes, functions among them listeners. */
export function element(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'function') {
      node.addEventListener(name, value);
    } else if (value !== false && value !== undefined) {
      node.setAttribute(name, value === true ? '' : String(value));
    }
  }
  node.append(...children);
  return node;
}

/** Change a node's text only where it differs: a selection in it survives. */
export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** A state in a coloured frame; the colour says nothing that the word does not. */
export function setBadge(node, word, text) {
  node.dataset.state = word;
  setText(node, text);
}

/** A name no other view has. */
export function uniqueName() {
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(numbers, n => n.toString(16).padStart(8, '0')).join('');
}
