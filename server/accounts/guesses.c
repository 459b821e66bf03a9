#include "server/accounts/guesses.h"

#include "lib/limits.h"
#include "lib/rate.h"

struct TbGuesses {
        TbRates *own;  /* of an account: by strangers, and apart from them by each of who is known */
        TbRates *nets; /* of a network, whomever they name */
};

TbGuesses *tb_guesses_new(void)
{
        TbGuesses *g = g_new0(TbGuesses, 1);
        g->own = tb_rates_new(TB_LIMIT_GUESSES / (double)TB_LIMIT_GUESSES_S, TB_LIMIT_GUESSES);
        g->nets = tb_rates_new(TB_LIMIT_GUESSES_OF_NET / (double)TB_LIMIT_GUESSES_S, TB_LIMIT_GUESSES_OF_NET);
        return g;
}

void tb_guesses_free(TbGuesses *g)
{
        if (!g)
                return;
        tb_rates_free(g->own);
        tb_rates_free(g->nets);
        g_free(g);
}

static char *key_of(const TbGuess *guess)
{
        if (guess->device)
                return g_strconcat("browser ", guess->device, " ", guess->user, NULL);
        return guess->here ? g_strconcat("here ", guess->net, " ", guess->user, NULL)
                           : g_strconcat("strangers ", guess->user, NULL);
}

static bool is_known(const TbGuess *guess)
{
        return guess->device || guess->here;
}

bool tb_guesses_may(TbGuesses *g, const TbGuess *guess, gint64 now_us, double *ret_wait_s)
{
        g_autofree char *key = key_of(guess);
        if (!is_known(guess) && !tb_rates_has(g->nets, guess->net, 1, now_us, ret_wait_s))
                return false;
        if (!tb_rates_take(g->own, key, 1, now_us, ret_wait_s))
                return false;
        if (!is_known(guess))
                tb_rates_take(g->nets, guess->net, 1, now_us, NULL);
        return true;
}

void tb_guesses_right(TbGuesses *g, const TbGuess *guess, gint64 now_us)
{
        g_autofree char *key = key_of(guess);
        tb_rates_take(g->own, key, -1, now_us, NULL); /* it was none */
        if (!is_known(guess))
                tb_rates_take(g->nets, guess->net, -1, now_us, NULL);
}
