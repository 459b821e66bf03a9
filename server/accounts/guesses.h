#pragma once
/*
 * Who guesses passwords waits, and nobody else. A try counts for the account that it names and for the network it comes from. A
 * browser that has signed in as that person before, and a network from which he is signed in now, have tries of their own, so that a
 * stranger's guesses lock no owner out, and no neighbour behind the same address. Times are monotonic microseconds, given: pure.
 * Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbGuesses TbGuesses;

typedef struct TbGuess {
        const char *user; /* as it was said: also of nobody */
        const char *net;  /* tb_net_share_key() */
        const char
                *device; /* of a browser that this person has signed in with before; NULL: it is not known */
        bool here;       /* he is signed in from this network now */
} TbGuess;

TbGuesses *tb_guesses_new(void);
void tb_guesses_free(TbGuesses *guesses);
/* Whether one more password is looked at; it counts until tb_guesses_right(). False: *ret_wait_s. */
bool tb_guesses_may(TbGuesses *guesses, const TbGuess *guess, gint64 now_us, double *ret_wait_s);
void tb_guesses_right(TbGuesses *guesses, const TbGuess *guess, gint64 now_us);
