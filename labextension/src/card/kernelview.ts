/** The widget that a kernel may have put beside a job's record: for jobs of an engine we do not know. */
import type {
  IRenderMime,
  IRenderMimeRegistry
} from '@jupyterlab/rendermime';
import { MessageLoop, type Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';

const WIDGET_VIEW = 'application/vnd.jupyter.widget-view+json';

/** Whether a widget stands beside the record, and may be drawn: it is code of whoever wrote it. */
export function hasKernelView(output: IRenderMime.IMimeModel): boolean {
  return output.trusted && WIDGET_VIEW in output.data;
}

/**
 * Return a renderer of the output's widget, or null where nothing around the card draws widgets.
 * `onAlive` is called when the kernel has the widget: one that died with its kernel stays empty.
 */
export function kernelView(
  card: Widget,
  output: IRenderMime.IMimeModel,
  onAlive: () => void
): Widget | null {
  const registry = registryAround(card);
  if (!registry?.mimeTypes.includes(WIDGET_VIEW)) {
    return null;
  }
  const view = registry.createRenderer(WIDGET_VIEW);
  MessageLoop.installMessageHook(view, (_, message: Message) => {
    if (message.type === 'child-added') {
      onAlive();
    }
    return true;
  });
  void view.renderModel(output);
  return view;
}

/** The output area's own registry: each notebook draws the widgets of its own kernel. */
function registryAround(card: Widget): IRenderMimeRegistry | null {
  for (let widget = card.parent; widget; widget = widget.parent) {
    const { rendermime } = widget as { rendermime?: IRenderMimeRegistry };
    if (rendermime) {
      return rendermime;
    }
  }
  return null;
}
