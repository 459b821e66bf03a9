#pragma once
/* console.get and console.set: the settings of a line. console_line.c; main. */
#include "host/core/ops/command.h"

extern const TbParam tb_console_set_params[];
void tb_console_get(TbCommand *command);
void tb_console_set(TbCommand *command);
void tb_console_unsupported(TbCommand *command, const char *what); /* console.c: fails it in words */
