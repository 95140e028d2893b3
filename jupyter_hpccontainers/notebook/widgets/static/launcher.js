/** Launcher's page side: the form, and below it the jobs it has submitted. */
import { LaunchForm } from './form.js';
import { JobBlocks } from './jobs.js';

const MOST_JOBS = 10;

function render({ model, el }) {
  let form = null;
  const jobs = new JobBlocks(model, MOST_JOBS, {
    config: content => form.setConfig(content.config),
    images: content => form.setImages(content.images),
    outlook: content => form.outlook.answered(content),
    queue: () => form.outlook.again(),
    submitted: () => form.submitted(),
    invalid: content => form.invalid(content)
  });
  form = new LaunchForm(model, question => jobs.line.ask(question));
  el.classList.add('hpccw');
  el.append(form.node, jobs.node);
  jobs.line.hello();
  return () => {
    form.close();
    jobs.close();
  };
}

export default { render };
