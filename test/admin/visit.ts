/**
 * visit.ts: one visit of the admin page in a browser: how a person finds things there, and what the browser noticed.
 */
import type { Browser, Locator, Page } from 'playwright-core';

const SIZE = { width: 1100, height: 640 };

export class Visit {
  readonly page: Page;
  /** What the browser complained about. */
  readonly complaints: string[] = [];
  /** Every address that it asked for. */
  readonly addresses: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(20_000);
    page.on('console', (message) => {
      // A refused request is reported by the browser too; the page says it in words.
      if (!/status of 40[013]/.test(message.text())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('dialog', (dialog) => this.complaints.push(`dialog: ${dialog.message()}`));
    page.on('request', (request) => this.addresses.push(request.url()));
  }

  /** Opens the page of a server in a window of its own, without anything of another visit. */
  static async begin(browser: Browser, server: { url: string }): Promise<Visit> {
    const visit = new Visit(await browser.newPage({ viewport: SIZE }));
    await visit.page.goto(`${server.url}/admin`);
    return visit;
  }

  async signIn(key: string): Promise<void> {
    await this.page.getByLabel('Admin key').fill(key);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** Goes to a section by its link and waits for its heading. */
  async open(section: string): Promise<void> {
    await this.page
      .getByRole('navigation', { name: 'Sections' })
      .getByRole('link', { name: section })
      .click();
    await this.heading(section);
  }

  async heading(name: string): Promise<void> {
    await this.page.getByRole('heading', { name, exact: true }).waitFor();
  }

  table(name: string): Locator {
    return this.page.getByRole('table', { name, exact: true });
  }

  /** The cells of a table row by row, as a person reads them. */
  async cells(table: string): Promise<string[][]> {
    await this.table(table).waitFor();
    const rows = await this.table(table).locator('tbody tr').all();
    return Promise.all(rows.map((row) => row.locator('td').allInnerTexts()));
  }

  /** The words of the box that says what is wrong. */
  async problem(): Promise<string | null> {
    const box = this.page.getByRole('alert');
    await box.waitFor();
    return box.textContent();
  }

  /** Whether something is wider than the window. */
  isTooWide(): Promise<boolean> {
    return this.page.evaluate('document.documentElement.scrollWidth > window.innerWidth');
  }
}
