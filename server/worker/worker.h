#pragma once
/* What the files of testbed-worker share. One thread: the loop of main.c; everything here waits. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* --- api.c --- */
typedef struct TbWorkerApi TbWorkerApi;
/* `server`: "http://host:port", with a path prefix or not; `token` NULL: none is shown. NULL: no address. */
TbWorkerApi *tb_worker_api_new(const char *server, const char *token, const char *name, GError **error);
void tb_worker_api_free(TbWorkerApi *api);
/* A job, as POST /jobs/claim gives it; NULL without an error: there is none now. */
json_t *tb_worker_claim(TbWorkerApi *api, guint wait_s, GError **error);
/* False without an error: the job is not ours any more. */
bool tb_worker_renew(TbWorkerApi *api, const json_t *job, GError **error);
/* Gives the job back, for a worker to take it in `seconds`: what it needs is away. */
void tb_worker_later(TbWorkerApi *api, const json_t *job, guint seconds);
/* The clip into a file, all of it. */
bool tb_worker_fetch(TbWorkerApi *api, const json_t *job, int fd, GError **error);
/* POST /events/{id}/{what}. */
bool tb_worker_tell(TbWorkerApi *api, const json_t *job, const char *what, const json_t *body,
                    GError **error);

/* --- child.c --- */
/* What a child says of the clip, of which `frames` whole pictures are looked at: an object; NULL with the error. `folder`: it leaves pictures there (0.jpg …); NULL: none. `renew` is called now and then: false ends it (TB_ERROR_INTERRUPTED). */
json_t *tb_worker_look(const char *program, const char *file, const char *prompt, const char *folder,
                       guint frames, guint timeout_s, bool (*renew)(gpointer data), gpointer data,
                       GError **error);

/* --- look.c --- */
/* In the child: decodes `file` and prints the verdict on stdout. The exit code. */
int tb_worker_look_here(const char *file, const char *prompt, char *folder, guint frames);
