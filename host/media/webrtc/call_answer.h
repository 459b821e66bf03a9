#pragma once
/*
 * A phone's answer (SDP) to our offer. webrtcbin 1.22 asserts on much that is not as it would have written it, and whoever scans the
 * code may send anything: nothing of the original text reaches it. What of the answer is of use (transport, which of our
 * codecs, which packets are of which section) is checked here and written anew, in the order and with the numbers of the offer. A
 * section that the phone refuses is written as one in which nothing is sent. Pure.
 */
#include <glib.h>
#include <gst/sdp/sdp.h>

/* The caller owns the text; `candidates` gets owned strings, "candidate:…", those that are of use. NULL: TB_ERROR_INVALID, in words. */
char *tb_call_answer(const GstSDPMessage *offer, const char *answer, GPtrArray *candidates, GError **error);
