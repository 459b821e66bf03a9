#pragma once
/*
 * A viewer that leaves gives its relay port back. Without that the TURN server keeps it until its lifetime is over (10 minutes,
 * RFC 8656 §3.2), and a quota of ports per user is soon used up by pages that were only loaded again.
 */
#include <gst/gst.h>

/* Before `pipeline`, with a webrtcbin named "webrtc" in it, is set to NULL. Waits for the server's word, 1.5 s at most. Any
 * thread that may wait. */
void tb_turn_release(GstElement *pipeline);
