# One question over TLS by aiohttp: URL. It trusts what it finds by itself.
import asyncio
import sys

import aiohttp


async def main():
    async with aiohttp.ClientSession() as session, session.get(sys.argv[1]) as answer:
        print(await answer.text())


asyncio.run(main())
