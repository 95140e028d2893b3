/** What Lumino asks of a page and jsdom lacks. */
globalThis.DragEvent ??= class extends MouseEvent {} as typeof DragEvent;
