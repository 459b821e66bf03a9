#pragma once
/* One POST, straight to its server (no proxy), with a deadline. Main thread; nothing waits. */
#include <glib.h>
#include <stdbool.h>

typedef struct TbPost TbPost;
/* `status` 0: there was no answer, and `why` says so. `retry_after_s`: what the answer asks for, 0: nothing. */
typedef void (*TbPostDone)(guint status, guint retry_after_s, const char *why, gpointer data);

/* `headers`: further lines, each with its CRLF. `done` runs once, unless it is canceled before. NULL: `url` is none. */
TbPost *tb_post(const char *url, const char *headers, GBytes *body, guint timeout_s, TbPostDone done,
                gpointer data);
void tb_post_cancel(TbPost *post); /* NULL is fine */

/* The head of an answer: false: it is none. Pure, any thread. */
bool tb_post_head_parse(const char *text, gsize size, guint *ret_status, guint *ret_retry_after_s);
