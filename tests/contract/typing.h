#pragma once
/*
 * What is typed arrives: tests/fixtures/typing/table.json, for every driver (here) and every door (host-input.test.mjs).
 * "keys" are events: `a` a key pressed, `+a` one that goes down, `-a` one that comes up, `"…"` a text; "text" is what a
 * program in a raw terminal reads. "ascii": false is for keyboards that can lack a character, "refused" for a row of which
 * something is refused.
 */
#include "tests/contract/lane.h"
#include "tests/contract/xserver.h"

typedef struct TypingRow {
        const char *name, *text;
        GArray *events;     /* of TbInput */
        GPtrArray *strings; /* owned; of events that core made of these */
        bool ascii, refused;
} TypingRow;

/* Calls `check` with each row, as the driver sees it behind host/core/input. */
void typing_each(void (*check)(const TypingRow *row, gpointer data), gpointer data);
/* A terminal with the focus on an X display, whose program reads what is typed as it comes. */
typedef struct TypingTerminal {
        char *dir, *fifo;
        TbTransport *typed;
        TbChild *xterm;
} TypingTerminal;
void typing_open(TypingTerminal *terminal, XServer *server);
void typing_close(TypingTerminal *terminal);
/* Types every row of the table, and reads it there. */
void typing_run(TypingTerminal *terminal, Lane *lane);
/* Reads as many bytes as `text` has, and asserts that they are these. */
void typing_expect(TypingTerminal *terminal, const char *what, const char *text);
/* The events of a row as core gives them to a driver, one viewer's; the caller owns them, their strings are the row's. */
GArray *typing_events(const TypingRow *row);
/* Types a row as core does; false when something of it was refused. */
bool typing_send(Lane *lane, const TypingRow *row);
