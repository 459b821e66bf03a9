#pragma once
/* console.get, console.set: the settings of a line (console_line.c); console.release. Main. */
#include "host/core/ops/command.h"

extern const TbParam tb_console_set_params[];
void tb_console_get(TbCommand *command);
void tb_console_set(TbCommand *command);
/* console_release.c: what the release verb does, and {"until","by"} of the one that holds; NULL: none. New reference. */
extern const TbParam tb_console_release_params[];
void tb_console_release(TbCommand *command);
json_t *tb_console_released(const TbInterface *iface);
void tb_console_unsupported(TbCommand *command, const char *what); /* console.c: fails it in words */
