/** The jobs of a view: takes the kernel's updates and hands each job its own. */
import { element, setText } from './dom.js';
import { JobBlock } from './job.js';
import { KernelLine } from './line.js';

/** Starts a view with job blocks in `node`; newest first, `most` of them. */
export class JobBlocks {
  constructor(model, most, takers = {}) {
    this._blocks = new Map();
    this._most = most;
    this._ahead = 0;
    this._trouble = element('div', { class: 'hpccw-error', role: 'alert' });
    this._again = element(
      'button',
      { type: 'button', class: 'hpccw-button', hidden: true, click: () => this.line.hello() },
      'Try again'
    );
    this._list = element('div');
    this.node = element('div', {}, this._trouble, this._again, this._list);
    this.line = new KernelLine(model, () => this._offsets(), {
      update: (content, buffers) => this._update(content, buffers),
      refused: content => this._refused(content),
      ...takers
    });
    this._timer = setInterval(() => this._tick(), 1000);
  }

  close() {
    clearInterval(this._timer);
    for (const block of this._blocks.values()) {
      block.log.close();
    }
    this.line.close();
  }

  _offsets() {
    return Object.fromEntries([...this._blocks].map(([id, block]) => [id, block.log.next]));
  }

  _update(content, buffers) {
    // Times are of the kernel's machine, whose clock need not be the page's.
    this._ahead = content.at - Date.now() / 1000;
    for (const job of content.jobs) {
      this._block(job.job)?.setJob(job, content.at);
    }
    content.logs.forEach((part, i) => {
      const view = buffers[i];
      const bytes = new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);
      this._block(part.job)?.log.feed(bytes, part.offset, part.start);
    });
    if (content.trouble !== undefined || !this._again.hidden) {
      this._say(content.trouble ?? '', false);
    }
  }

  _refused(content) {
    const text = [content.message, content.cure].filter(Boolean).join(' – ');
    const block = this._blocks.get(content.job);
    if (block) {
      block.setError(text);
    } else {
      this._say(text, true);
    }
  }

  _say(text, again) {
    setText(this._trouble, text);
    this._again.hidden = !again;
  }

  _block(id) {
    let block = this._blocks.get(id);
    if (!block) {
      const ids = [...this._blocks.keys(), id].sort((a, b) => b - a);
      if (ids.indexOf(id) >= this._most) {
        return undefined;
      }
      block = new JobBlock(id, question => this.line.ask(question));
      this._blocks.set(id, block);
      this._list.insertBefore(block.node, this._list.children[ids.indexOf(id)] ?? null);
      ids.slice(this._most).forEach(old => this._remove(old));
    }
    return block;
  }

  _remove(id) {
    this._blocks.get(id)?.log.close();
    this._blocks.get(id)?.node.remove();
    this._blocks.delete(id);
  }

  _tick() {
    for (const block of this._blocks.values()) {
      block.tick(Date.now() / 1000 + this._ahead);
    }
  }
}
