#pragma once
/*
 * TbCliSignals: those that ask for a program's end (TERM, HUP, INT), told on the main loop. One that we were told to ignore
 * (nohup; a script's job in the background) stays ignored, for us and for what we start. They are to be there before what they
 * put in order: a lease that is had, a program that runs, a terminal that is raw. One at a time.
 */
#include <glib.h>

typedef struct TbCliSignals TbCliSignals;
TbCliSignals *tb_cli_signals_new(void (*on)(int number, gpointer data), gpointer data);
/* What has come by now is told now: before a step that is not to be begun any more. */
void tb_cli_signals_tell(TbCliSignals *signals);
void tb_cli_signals_free(TbCliSignals *signals); /* the actions are again what they were */
