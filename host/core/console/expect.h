#pragma once
/* console.expect: optionally send, then wait until the console's output matches a pattern. Main thread; reads
 * the history, so nothing can be missed. */
#include "host/core/ops/command.h"

extern const TbParam tb_expect_params[];
void tb_expect_start(TbCommand *command);
/*
 * ops/console.c: writes command->bytes, then `after` (main), command->result being {"written"}. It goes in turns of the lane, of
 * TB_LIMIT_WRITE_TURN_MS each: a line that is slow, or held, lets others in between; it ends with TIMEOUT when nothing was taken for
 * TB_LIMIT_WRITE_STALL_MS. However it ends, result says how many bytes the device has, unless nobody knows.
 */
void tb_console_write(TbCommand *command, void (*after)(TbCommand *command));
