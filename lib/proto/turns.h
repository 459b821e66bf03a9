#pragma once
/*
 * TbTurns: takes the frames of messages, a turn's worth of them at a time (TB_LIMIT_LINK_TURN_FRAMES, _US); what is
 * left waits for the loop, and whoever reads the line is told to stop until it is done. So a peer that sends many
 * dear frames in one message slows down itself and nobody else of the main loop. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbTurns TbTurns;

typedef struct TbTurnsOps {
        /* Takes the first frame. Its bytes; -1 with an error: the other side breaks the protocol. */
        gssize (*frame)(const guint8 *bytes, gsize size, gpointer data, GError **error);
        void (*rest)(gpointer data);            /* a turn has ended; NULL: nobody asks */
        void (*hold)(bool held, gpointer data); /* true: something waits; false: no more */
        /* From the loop: what waited was refused by `frame`. May free the turns. */
        void (*broken)(const GError *error, gpointer data);
} TbTurnsOps;

TbTurns *tb_turns_new(const TbTurnsOps *ops, gpointer data); /* `ops`: static */
void tb_turns_free(TbTurns *turns);                          /* no callbacks; accepts NULL */
/* A message. False with the error of `frame`, when that comes at once. */
bool tb_turns_add(TbTurns *turns, const guint8 *bytes, gsize size, GError **error);
void tb_turns_forget(TbTurns *turns); /* what waits; without a callback */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbTurns, tb_turns_free)
