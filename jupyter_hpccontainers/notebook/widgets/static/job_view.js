/** JobView's page side. */
import { JobBlocks } from './jobs.js';

function render({ model, el }) {
  const jobs = new JobBlocks(model, 1);
  el.classList.add('hpccw');
  el.append(jobs.node);
  jobs.line.hello();
  return () => jobs.close();
}

export default { render };
