/** Health check of a container: whether the address given answers 2xx within the engine's time limit. */
const [, , url] = process.argv
fetch(url).then(
  ({ ok }) => process.exit(ok ? 0 : 1),
  () => process.exit(1),
)
