#pragma once
/*
 * Connections to the host's own HTTP server that are kept for the next carried request (tb_http_pair_new()). Each is waited for as long
 * as it is open: to begin and to end that for each request would be two calls of the kernel. Main thread.
 */
#include "lib/http/http.h"

typedef struct TbCarryLines TbCarryLines; /* those that are open */
typedef struct TbCarryKept TbCarryKept;   /* one of them */

TbCarryLines *tb_carry_lines_new(TbHttp *http, TbPoller *poller); /* both borrowed */
void tb_carry_lines_free(TbCarryLines *lines); /* nothing is under way any more; NULL is fine */

/* One that is open and idle, or a new one, waited for with EPOLLIN: `call` has what comes. NULL with the error (TB_ERROR_LIMIT,
 * TB_ERROR_UNAVAILABLE). */
TbCarryKept *tb_carry_kept_take(TbCarryLines *lines, TbPollerCall call, gpointer data, GError **error);
TbHttpPair *tb_carry_kept_pair(const TbCarryKept *kept); /* borrowed */
void tb_carry_kept_wait_for(TbCarryKept *kept, uint32_t epoll_events);
uint32_t tb_carry_kept_waits_for(const TbCarryKept *kept);
/* Done with it; `clean`: an answer has come whole, and nothing is left on it, so the next request may have it. */
void tb_carry_kept_give(TbCarryKept *kept, bool clean);
