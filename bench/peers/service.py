"""The Get Job Status operation with FastAPI and asyncpg, for bench/peers.py: a pool of connections, one prepared statement,
and the document passed on as the database made it."""

import os
import pathlib

import asyncpg
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

READ = (pathlib.Path(__file__).parent / "read.sql").read_text()
app = FastAPI(openapi_url=None)


@app.on_event("startup")
async def open_pool():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE"], min_size=2, max_size=int(os.environ["CONNECTIONS"]))


@app.get("/apis/jobs/v2/workspaces/{workspace}/jobs/{name}/status")
async def status(workspace: str, name: str):
    document = await app.state.pool.fetchval(READ, workspace, name)
    if document is None:
        return JSONResponse({"detail": "Not Found"}, 404)
    return Response(document, media_type="application/json", headers={"Cache-Control": "no-cache"})
