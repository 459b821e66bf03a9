#pragma once
/* What the files of this room share. */
#include "lib/error.h"
#include "lib/http/decline.h"
#include "lib/rate.h"
#include "server/recordings/columns.h"
#include "server/recordings/recordings.h"
#include "server/recordings/state.h"

struct TbRecordings {
        TbRecordingsOptions options;
        TbDb *db;       /* borrowed */
        TbBlobs *blobs; /* borrowed */
        guint transfers;
        GQueue plays;    /* TbRecPlay; play.c */
        GSource *timer;  /* ref */
        GQueue removing; /* what the blob store was asked to remove; remove.c */
        guint64 begun, views, removed, tampered, stored_bytes;
};

/* --- ask.c: a request, and the calls of the store that it takes --- */
typedef struct TbRecAsk TbRecAsk;
typedef void (*TbRecThen)(TbRecAsk *ask, const TbDbResult *rows); /* answers, or asks on */
struct TbRecAsk {
        TbRecordings *recordings; /* borrowed */
        TbRequest *request;       /* ref */
        char *who;                /* owned; "": an administrator, or where nobody needs a token */
        char *user;               /* owned; who he is; where nobody shows that, who he says he is */
        char *call, *id, *track;  /* owned; NULL: not in the path */
        gint64 now_ms;            /* wall clock */
        TbRecThen then, found;
        json_t *kept; /* owned; NULL: none */
        guint n;      /* of a chunk */
        bool counted; /* it is one of recordings->transfers */
        /* of the recording, when it was found */
        TbRecStatus status;
        gint64 started_ms, stopped_ms;
        TbRecAnswer answer; /* of `user` */
        bool was_asked;     /* he was */
        guint8 key[TB_SEAL_KEY];
};

TbRecAsk *tb_rec_ask_new(TbRecordings *recordings, TbRequest *request);
void tb_rec_ask_free(TbRecAsk *ask);
void tb_rec_ask_run(TbRecAsk *ask, TbDbCall *call_take,
                    TbRecThen then); /* what fails is answered, and ends the ask */
/* Each answers, and ends the ask. */
void tb_rec_ask_json(TbRecAsk *ask, int status, json_t *body_take);
void tb_rec_ask_error(TbRecAsk *ask, const GError *error);
void tb_rec_ask_refuse(TbRecAsk *ask, TbErrorCode code, const char *text);
TbDbCall *tb_rec_look(gint64 now_ms); /* a call whose first statements end what is late */
void tb_rec_get(const TbRecAsk *ask, TbDbCall *call);
/* The recording of the path, if it is there and he may see it, is read; `found` gets its rows. */
void tb_rec_find(TbRequest *request, gpointer recordings, TbRecThen found);
/* The same by rows that were read otherwise; false: refused, and the ask has ended. */
bool tb_rec_found(TbRecAsk *ask, const TbDbResult *rows);
/* Its key, into ask->key; false: refused, and the ask has ended. */
bool tb_rec_open_key(TbRecAsk *ask, const TbDbResult *rows);
bool tb_rec_take_place(TbRecAsk *ask); /* false: too much is under way: refused */
void tb_rec_note(const TbRecAsk *ask, const char *action,
                 const char *more); /* of its recording; `more`: behind its id */
char *tb_rec_blob_name(const char *recording, const char *track, guint n); /* the caller frees */

/* --- rows.c --- */
json_t *tb_rec_of_rows(const TbRecordings *recordings, const TbDbResult *rows,
                       guint *row); /* from *row on, moved behind it; a new reference */
json_t *tb_rec_tracks_of_rows(const TbDbResult *rows, const char *path,
                              const char *query); /* a new reference */
void tb_rec_tell(TbRecordings *recordings, const TbDbResult *rows, guint row,
                 const char *only); /* `only` NULL: whoever was asked */

/* --- begin.c, tracks.c, play.c, remove.c --- */
void tb_rec_begin(TbRequest *request, gpointer recordings);
void tb_rec_consent(TbRequest *request, gpointer recordings);
void tb_rec_stop(TbRequest *request, gpointer recordings);
void tb_rec_track(TbRequest *request, gpointer recordings);
void tb_rec_track_end(TbRequest *request, gpointer recordings);
void tb_rec_chunk(TbRequest *request, gpointer recordings);
void tb_rec_play(TbRequest *request, gpointer recordings);
void tb_rec_play_found(TbRecAsk *ask, const TbDbResult *rows); /* its track */
void tb_rec_plays_end(TbRecordings *recordings);
void tb_rec_remove(TbRequest *request, gpointer recordings);
void tb_rec_sweep_start(TbRecordings *recordings);
void tb_rec_sweep_stop(TbRecordings *recordings);
