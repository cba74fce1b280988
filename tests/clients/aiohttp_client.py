# One TLS request with aiohttp: URL. It uses its default roots.
import asyncio
import sys

import aiohttp


async def main():
    async with aiohttp.ClientSession() as session, session.get(sys.argv[1]) as answer:
        print(await answer.text())


asyncio.run(main())
