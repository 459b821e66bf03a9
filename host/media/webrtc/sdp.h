#pragma once
/* Small readers of SDP text. Pure; results are borrowed unless a comment says otherwise. */
#include <gst/sdp/sdp.h>
#include <stdbool.h>

/* `min` to `max` letters, digits and characters of `more`. NULL is none. */
bool tb_sdp_is_token(const char *text, gsize min, gsize max, const char *more);
/* a=fingerprint: the name of a hash, and hexadecimal bytes. NULL is none. */
bool tb_sdp_is_fingerprint(const char *text);
/* Decimal, whole string; false when it is none or larger than max. */
bool tb_sdp_number(const char *text, guint max, guint *ret);

bool tb_sdp_has_flag(const GstSDPMedia *media, const char *name);
/* Value of a=`name`:<payload> …, behind the payload; NULL when there is none. */
const char *tb_sdp_payload_attribute(const GstSDPMedia *media, const char *name, const char *payload);
/* "packetization-mode" of "level-asymmetry-allowed=1;packetization-mode=1"; the caller owns it, NULL when it
 * is not there. */
char *tb_sdp_fmtp_value(const char *fmtp, const char *name);
