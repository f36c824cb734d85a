// The Get Job Status operation with fastify and pg, for bench/peers.py: a pool of connections, one prepared statement, and
// the document passed on as the database made it; one process for each of WORKERS.
"use strict";
const cluster = require("node:cluster");
const fs = require("node:fs");
const path = require("node:path");

function serve() {
  const { Pool } = require("pg");
  // Host, port, user and database are in the environment, as libpq takes them.
  const pool = new Pool({ max: Number(process.env.CONNECTIONS), idleTimeoutMillis: 0, options: "-c timezone=UTC" });
  const text = fs.readFileSync(path.join(__dirname, "read.sql"), "utf8");
  const app = require("fastify")({ logger: false });
  app.get("/apis/jobs/v2/workspaces/:workspace/jobs/:name/status", async (request, reply) => {
    const { workspace, name } = request.params;
    const { rows } = await pool.query({ name: "read", text, values: [workspace, name], rowMode: "array" });
    reply.type("application/json; charset=utf-8");
    if (rows.length === 0)
      return reply.code(404).send('{"detail":"Job not found"}');
    return reply.header("Cache-Control", "no-cache").send(rows[0][0]);
  });
  app.listen({ path: process.env.SOCKET });
}

if (cluster.isPrimary) {
  for (let i = 0; i < Number(process.env.WORKERS); i++)
    cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers))
      worker.kill("SIGTERM");
    process.exit(0);
  });
} else {
  serve();
}
