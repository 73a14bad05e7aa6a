export async function runLarge() { return 0; }
