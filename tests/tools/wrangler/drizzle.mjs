// drizzle's own migrator on the database that wrangler keeps for a project: node drizzle.mjs CONFIG STATE FOLDER
import { drizzle } from "drizzle-orm/d1";
import { migrate } from "drizzle-orm/d1/migrator";
import { getPlatformProxy } from "wrangler";

const [configPath, state, migrationsFolder] = process.argv.slice(2);
const proxy = await getPlatformProxy({ configPath, persist: { path: state }, remoteBindings: false });
try {
  await migrate(drizzle(proxy.env.DB), { migrationsFolder });
} finally {
  await proxy.dispose();
}
