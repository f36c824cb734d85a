"""The Get Job Status operation with FastAPI and asyncpg, for bench/peers.py: a pool of connections, one prepared statement,
and the document passed on as the database made it."""

import os
import pathlib

import asyncpg
from fastapi import FastAPI, Response

READ = (pathlib.Path(__file__).parent / "read.sql").read_text()
app = FastAPI(openapi_url=None)


class Connection(asyncpg.Connection):
    def get_reset_query(self):
        """None: a session that is only read in needs no second statement when it comes back to the pool."""
        return ""


@app.on_event("startup")
async def open_pool():
    count = int(os.environ["CONNECTIONS"])
    app.state.pool = await asyncpg.create_pool(
        os.environ["DATABASE"], min_size=count, max_size=count, max_inactive_connection_lifetime=0,
        connection_class=Connection, server_settings={"timezone": "UTC"})


@app.get("/apis/jobs/v2/workspaces/{workspace}/jobs/{name}/status")
async def status(workspace: str, name: str):
    document = await app.state.pool.fetchval(READ, workspace, name)
    if document is None:
        return Response('{"detail":"Job not found"}', 404, media_type="application/json")
    return Response(document, media_type="application/json", headers={"Cache-Control": "no-cache"})
