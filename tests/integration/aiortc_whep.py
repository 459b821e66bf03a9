"""A WHEP listener by aiortc: prints, as JSON, what of each kind came, and what the answer says of each section."""
import asyncio
import json
import sys
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError


async def main(url, kinds):
    pc = RTCPeerConnection()
    for kind in kinds:
        pc.addTransceiver(kind, direction="recvonly")
    tracks = []
    pc.on("track", tracks.append)
    await pc.setLocalDescription(await pc.createOffer())
    request = urllib.request.Request(
        url, pc.localDescription.sdp.encode(), {"Content-Type": "application/sdp"}
    )
    answer = urllib.request.urlopen(request, timeout=20).read().decode()
    sections = [s.split() for s in answer.split("\r\nm=")[1:]]
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    heard = {}
    for track in tracks:
        try:
            frame = await asyncio.wait_for(track.recv(), 10)
            if track.kind == "audio":
                loudest = 0
                for _ in range(100):  # the first are those of before the way was open
                    frame = await asyncio.wait_for(track.recv(), 10)
                    loudest = max(loudest, int(abs(frame.to_ndarray()).max()))
                heard["audio"] = {"rate": frame.sample_rate, "loudest": loudest}
            else:
                heard["video"] = {"width": frame.width, "height": frame.height}
        except (asyncio.TimeoutError, MediaStreamError):
            heard.setdefault("silent", []).append(track.kind)
    print(json.dumps({"sections": [[s[0], int(s[1]), "a=inactive" in s] for s in sections], "heard": heard}))
    await pc.close()


asyncio.run(main(sys.argv[1], sys.argv[2:]))
