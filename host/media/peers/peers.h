#pragma once
/*
 * The viewers of testbed-media: what the host says goes to their sessions (host/media/webrtc/session.h) and
 * feeds, what they say goes to the host. Thread: main.
 */
#include "host/media/link/link.h"

typedef struct TbPeers TbPeers;

/* Takes `fd`. `ended` (main loop): the host has hung up. */
TbPeers *tb_peers_new(int fd, void (*ended)(void *data), void *data);
/* The program is loaded and shut in: READY. */
void tb_peers_ready(TbPeers *peers, const TbLinkReady *ready);
void tb_peers_free(TbPeers *peers); /* accepts NULL */
