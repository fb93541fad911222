/** What the SDK keeps its records in: a table is a list of rows. */
export class Store {
  #tables = new Map();

  #table(name) {
    if (!this.#tables.has(name)) this.#tables.set(name, []);
    return this.#tables.get(name);
  }

  async query(name, query) {
    return this.#table(name).filter((row) => matches(row, query?.selector));
  }

  async insert(name, row) {
    const table = this.#table(name);
    if (!table.some((other) => other.uuid === row.uuid)) table.push(row);
  }

  async update(name, row) {
    Object.assign(this.#table(name).find((other) => other.uuid === row.uuid) ?? {}, row);
  }

  async delete(name, uuid) {
    const table = this.#table(name);
    const index = table.findIndex((row) => row.uuid === uuid);
    if (index >= 0) table.splice(index, 1);
  }
}

/** The part of Mango queries that the SDK uses: values that are equal, `$and`, `$or`. */
function matches(row, selector = {}) {
  return Object.entries(selector).every(([name, wanted]) => {
    if (name === "$and") return wanted.every((part) => matches(row, part));
    if (name === "$or") return wanted.some((part) => matches(row, part));
    return row[name] === wanted;
  });
}
