#pragma once
/* Verbs of an input interface's clipboard; their rows stand in input.c. */
#include "host/core/ops/command.h"

extern const TbParam tb_clipboard_params[];
void tb_clipboard_get(TbCommand *command);
void tb_clipboard_set(TbCommand *command);
