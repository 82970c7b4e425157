import { afterEach } from "vitest";

/** `start`, whose nodes are closed after the test that started them; one that the test has closed itself stays so. */
export function closedAfterwards<Args extends unknown[], Node extends { close(): Promise<void> }>(
  start: (...args: Args) => Promise<Node>,
): (...args: Args) => Promise<Node> {
  const open: Node[] = [];
  afterEach(async () => {
    for (const node of open.splice(0)) await node.close();
  });
  return async (...args) => {
    const node = await start(...args);
    open.push(node);
    return node;
  };
}
