#pragma once
/*
 * Recordings of calls (requirements S3.R4, S3.R6): consent, chunks that browsers upload, sealed where they lie, played in step. The store is the truth
 * of who has agreed and what is there; bytes lie in the blob store below "recordings/". Main thread.
 */
#include <glib.h>
#include <jansson.h>

#include "lib/http/http.h"
#include "server/blob/blob.h"
#include "server/recordings/seal.h"
#include "server/store/db.h"

typedef struct TbRecordings TbRecordings;

typedef struct TbRecordingsConfig {
        TbSealKeys *keys;   /* owned by whoever made it; NULL: none, and recording is refused */
        guint keep_days;    /* from the end of a recording on */
        guint64 most_bytes; /* of one recording */
} TbRecordingsConfig;

typedef struct TbRecordingNote { /* of the audit log; borrowed */
        const char *user, *action, *object, *address, *request;
} TbRecordingNote;

typedef struct TbRecordingsOptions {
        TbDb *db;                         /* borrowed; outlives the recordings */
        TbBlobs *blobs;                   /* the same */
        const TbRecordingsConfig *config; /* the same */
        /* To every open page of `user`. */
        void (*tell)(const char *user, const char *event, const json_t *data_of_event, gpointer data);
        void (*note)(const TbRecordingNote *note, gpointer data);
        const char *(*base)(TbRequest *request,
                            gpointer data); /* how clients reach us, without a slash at its end; borrowed */
        gpointer data;
} TbRecordingsOptions; /* any function may be NULL */

TbRecordings *tb_recordings_new(
        const TbRecordingsOptions *options);       /* copied; what is over is looked for from then on */
void tb_recordings_free(TbRecordings *recordings); /* before the blobs; NULL is fine */
extern const TbRoute tb_recording_routes[], tb_recording_read_routes[]; /* their data is the TbRecordings */
void tb_recordings_metrics(GString *out, gpointer recordings);
/* Somebody came into a call: where it is being recorded he is asked, or told how far it is. */
void tb_recordings_entered(TbRecordings *recordings, const char *call, const char *user);
/* The call is over: who records is told to stop. */
void tb_recordings_call_over(TbRecordings *recordings, const char *call);
/* What is to be deleted is, now. */
void tb_recordings_sweep(TbRecordings *recordings);

/* Keys of recordings that another master key than the first has sealed are sealed by that, each in a transaction of its own: it can be killed, and
 * begun again, at any time. Beside a server that runs, or without one. *ret: how many. Any thread. */
bool tb_recordings_rotate(const TbDbEngine *engine, const char *where, const TbSealKeys *keys, guint *ret,
                          GError **error);
