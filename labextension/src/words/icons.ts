/** The icons of our own; every other one is Lab's. */
import { LabIcon, terminalIcon } from '@jupyterlab/ui-components';

/** A container: a box with its ribs. */
export const containersIcon = new LabIcon({
  name: 'jupyter-hpccontainers:containers',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3 jp-icon-selectable" fill="#616161" fill-rule="evenodd"
    d="M2 5h20v14H2V5zm2 2v10h16V7H4zm2 2h2v6H6V9zm3.3 0h2v6h-2V9zm3.4 0h2v6h-2V9zM16 9h2v6h-2V9z"/>
</svg>`
});

/** A job's log. */
export const logIcon = terminalIcon;
