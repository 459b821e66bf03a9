#pragma once
/*
 * TbPacedInput: what a socket has to say, a turn's worth at a time. libsoup's WebSocket reads on until its stream
 * says that nothing is there, and cannot be told to stop: a peer that sends faster than it is read would keep the
 * main loop, and fill memory. This stream says "nothing is there" after TB_LIMIT_LINK_TURN_IN, and while it is held; the
 * rest stays in the socket, so the peer has to wait. Main thread.
 */
#include <gio/gio.h>
#include <stdbool.h>

G_DECLARE_FINAL_TYPE(TbPacedInput, tb_paced_input, TB, PACED_INPUT, GFilterInputStream)

/* `base`: a GPollableInputStream that can be polled; a ref is taken. */
TbPacedInput *tb_paced_input_new(GInputStream *base);
void tb_paced_input_hold(TbPacedInput *input, bool held);
