/**
 * dom.ts: makes elements. Text goes in as text and nothing else: names of tables, devices and people come from
 * outside, and no function here reads markup.
 */

/** What an element may contain: other elements, and text that is shown as it is. */
export type Content = Node | string | number | null;

export interface Attributes {
  [name: string]: string | boolean;
}

/** An element with attributes and content. An attribute that is false is left out, one that is true has no value. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes,
  ...content: Content[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(
    ...content.filter((part) => part !== null).map((part) => (part instanceof Node ? part : String(part))),
  );
  return made;
}

/** The element of index.html with that id. */
export function byId<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} with the id ${id}`);
  return found;
}

/** A heading with what belongs to it on the right. */
export function heading(text: string, ...aside: Content[]): HTMLElement {
  return element('div', { class: 'heading' }, element('h2', {}, text), ...aside);
}

/** A box that says what went wrong, read out by screen readers. */
export function problemBox(text: string): HTMLElement {
  return element('p', { class: 'problem', role: 'alert' }, text);
}

/** A form field with its label, and a hint below it. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  const words = element('span', { class: 'label' }, label);
  return element(
    'label',
    { class: 'field' },
    words,
    control,
    hint === undefined ? null : element('small', {}, hint),
  );
}
