#pragma once
/*
 * Which of several servers has the database. One has it at a time: its lane holds an advisory lock of PostgreSQL as long as its connection
 * lives (postgres.c), so two never write. Here is watched whether somebody has it, and who: a row that he writes. When nobody has
 * it, one of those who watch is told that it is his turn, and nobody else until he sits or leaves.
 *
 * A thread with a connection of its own; main never waits for it. Main thread, all of it.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbSeat TbSeat;

typedef enum TbSeatState {
        TB_SEAT_UNKNOWN, /* the database does not answer: `reason` */
        TB_SEAT_YOURS,   /* nobody has it: take it, then tb_seat_sit() or tb_seat_leave() */
        TB_SEAT_HELD,    /* by `server`, who may be ourselves; NULL: it is not known who */
} TbSeatState;

typedef struct TbSeatWord {
        TbSeatState state;
        char *reason; /* "" */
        char *server; /* his id; NULL */
        char *address,
                *secret; /* where he takes what others bring, and the word that shows that it comes from one of them; NULL */
        guint16 port;
} TbSeatWord;

/* `url`: postgresql://…. `told` runs at every look (TB_LIMIT_SEAT_LOOK_MS), and soon after the calls below. NULL with
 * TB_ERROR_UNAVAILABLE: no thread is to be had. */
TbSeat *tb_seat_new(const char *url, void (*told)(const TbSeatWord *word, gpointer data), gpointer data,
                    GError **error);
void tb_seat_look(TbSeat *seat); /* now; at most every TB_LIMIT_SEAT_AGAIN_MS */
/* We have the database: others are told that they find us there. All are copied. */
void tb_seat_sit(TbSeat *seat, const char *server, const char *address, guint16 port, const char *secret);
void tb_seat_leave(TbSeat *seat); /* we do not take it, or have given it back */
/* `told` does not run any more. Accepts NULL. */
void tb_seat_free(TbSeat *seat);
