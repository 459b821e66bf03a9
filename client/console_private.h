#pragma once
/* The console command: the terminal's side (console.c), the host's side (console_line.c). */
#include <stdio.h>

#include "client/escape.h"
#include "client/place.h"
#include "client/socket.h"

typedef struct TbCliConsole {
        TbCli *cli;
        TbCliDevice d;
        GMainLoop *loop;
        TbCliSocket *socket;
        GError *error; /* owned: why it ended */
        /* what the device says */
        TbCliPlace place;
        TbCliReplay replay;
        guint64 live; /* offset below which it is history that is shown again */
        FILE *log;    /* NULL: off */
        char *log_name;
        /* what it is told */
        GByteArray *typed;         /* not sent yet */
        guint under_way;           /* bytes of the write that is not answered; 0: none */
        gint64 write, ask, action; /* ids of commands under way; 0: none */
        const char *action_name;   /* static */
        guint input;               /* source; 0: not read now */
        bool input_over;
        bool connected; /* and its bytes come: only then is silence the device's */
        bool away;      /* it was there, and is lost: what is typed on a terminal is for nobody */
        bool dropped;   /* … which was said */
        guint quiet;    /* source: silence that ends it */
        TbCliEscape escape;
        bool tty;
        bool terminal; /* the other side is one, too: it is told how large ours is */
} TbCliConsole;

/* A line of ours, between those of the device. */
void tb_cli_console_note(TbCliConsole *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
void tb_cli_console_end(TbCliConsole *c, GError *error_take);
/* Something came, or went: with the input over, silence from here on is the end. */
void tb_cli_console_stirred(TbCliConsole *c);
void tb_cli_console_tell_size(TbCliConsole *c);
void tb_cli_console_read_input(TbCliConsole *c); /* if there is room */

extern const TbCliSocketOps tb_cli_console_ops;
void tb_cli_console_write_next(TbCliConsole *c);
void tb_cli_console_act(TbCliConsole *c, const char *verb, const char *name); /* a command of the menu */
