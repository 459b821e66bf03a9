"""A phone of another make: aiortc answers the host's offer, sends a picture in one colour, readings and an event.

Signalling goes by lines of JSON on stdin and stdout; the argument is the codec. {"turn": true} turns the picture.
"""
import asyncio
import json
import sys

from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp
from av import VideoFrame

WIDTH, HEIGHT = 320, 240


class Colour(VideoStreamTrack):
    """Red all over."""

    turned = False

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        width, height = (HEIGHT, WIDTH) if self.turned else (WIDTH, HEIGHT)
        frame = VideoFrame(width, height, "yuv420p")
        for plane, value in zip(frame.planes, (81, 90, 240)):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


def say(message):
    print(json.dumps(message), flush=True)


async def lines():
    reader = asyncio.StreamReader()
    await asyncio.get_event_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def main(codec):
    pc = RTCPeerConnection()
    picture = Colour()

    @pc.on("datachannel")
    def on_channel(channel):
        if channel.label == "sensor":
            channel.send(json.dumps({"type": "sensor", "t": 1, "seq": 1, "gyro": {"x": 1.5, "y": 0, "z": 0}}))
        if channel.label == "control":
            channel.send(json.dumps({"type": "event", "event": "button.down", "t": 1, "data": {"button": "b", "n": 1}}))

    @pc.on("connectionstatechange")
    def on_state():
        say({"state": pc.connectionState})

    early = []
    async for m in lines():
        if "offer" in m:
            await pc.setRemoteDescription(RTCSessionDescription(sdp=m["offer"], type="offer"))
            for transceiver in pc.getTransceivers():
                if transceiver.kind == "video":
                    pc.addTrack(picture)
                    wanted = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType == f"video/{codec}"]
                    transceiver.setCodecPreferences(wanted)
            await pc.setLocalDescription(await pc.createAnswer())
            say({"answer": pc.localDescription.sdp})
            for candidate in early:
                await pc.addIceCandidate(candidate)
        elif "ice" in m and m["ice"]:
            candidate = candidate_from_sdp(m["ice"].split(":", 1)[1])
            candidate.sdpMLineIndex = 0
            candidate.sdpMid = "video0"
            if pc.localDescription:
                await pc.addIceCandidate(candidate)
            else:
                early.append(candidate)
        elif "turn" in m:
            picture.turned = True
    await pc.close()


asyncio.run(main(sys.argv[1]))
