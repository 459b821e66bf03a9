#pragma once
/*
 * The terminal that we are started on, raw for a while. However the program ends (its end, a signal, a crash), the terminal is
 * as it was; stopped and continued (Ctrl-Z from elsewhere), it is as it was meanwhile. One at a time.
 */
#include <glib.h>
#include <stdbool.h>

/* False, and nothing is changed: the standard input is no terminal. */
bool tb_cli_terminal_raw(void);
void tb_cli_terminal_restore(void); /* does nothing when it is not raw */
bool tb_cli_terminal_is_raw(void);
bool tb_cli_terminal_size(int *ret_columns, int *ret_rows); /* false: there is none, or it does not know */
