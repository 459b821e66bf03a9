#pragma once
/* console.expect: optionally send, then wait until the console's output matches a pattern. Main thread; reads
 * the history, so nothing can be missed. */
#include "host/core/ops/command.h"

extern const TbParam tb_expect_params[];
void tb_expect_start(TbCommand *command);
/* ops_console.c: writes command->bytes. Worker thread. */
bool tb_console_exec_write(TbCommand *command, TbInstance *instance, TbIo *io, GError **error);
