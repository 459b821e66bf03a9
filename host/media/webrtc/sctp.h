#pragma once
/*
 * The number by which the two halves of a data channel transport (sctpdec, sctpenc) find each other in this
 * process. webrtcbin 1.22 draws it from 65535 ones (ext/webrtc/webrtcsctptransport.c): of 30 viewers in a
 * room one in 2000 gets the number of another. Then its data channels do not open, its pipeline never ends,
 * and before either is connected one would even get the other's messages. So we give numbers out. Thread:
 * main.
 */
#include <gst/gst.h>

/* A number that nobody has; tb_sctp_give_back() when the pipeline is gone. */
guint tb_sctp_take(void);
void tb_sctp_give_back(guint number);
/* Every transport that `webrtc` makes from now on gets `number` (max-bundle: it makes one). */
void tb_sctp_use(GstElement *webrtc, guint number);
