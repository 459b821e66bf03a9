#pragma once
/*
 * Whose outlet it is, where several attachments can name the same one by different URIs (a board's serial number, its USB port): one
 * outlet belongs to one attachment, and who comes second is told who has it. Any thread.
 */
#include "drivers/driver.h"

/* `place`: the board, however it was named ("usb 1-1.4"); `mask`: bit i is its outlet i; `what` is for the text ("relay 2 of …"). BUSY:
 * another attachment has one of them; the text names its device. Held until it is left. */
bool tb_claim_take(TbInstance *self, const char *place, guint64 mask, const char *what, GError **error);
void tb_claim_leave(TbInstance *self); /* all that it has; nothing is fine */
