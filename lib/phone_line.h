#pragma once
/*
 * What a paired phone gives, between the part of the host that speaks with it (host/phone) and the driver of `phone://NAME`
 * (drivers/phone), whose lanes take it: the newest picture, sound in order, the newest sample of each stream, events in order up to a ceiling.
 * Neither waits for the other. Lines are known by name, in one table of the process.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"
#include "lib/frame.h"
#include "lib/sound.h"

typedef struct TbPhoneLine TbPhoneLine;
typedef struct TbPhoneTap TbPhoneTap;

/* --- host/phone; main thread unless it says otherwise --- */
/* Makes the line of that name, on which nobody is yet; there is none of that name. `wanted`: somebody looks at pictures or hears sound,
 * or nobody does any more; called on main, never from inside a call of this header. */
TbPhoneLine *tb_phone_line_open(const char *name, void (*wanted)(gpointer data), gpointer data);
/* There is no such phone any more: lanes say so. `wanted` is not called from here on. Accepts NULL. */
void tb_phone_line_close(TbPhoneLine *line);
/* NULL: the phone is there. Else why it is not, in words for users. */
void tb_phone_line_set_away(TbPhoneLine *line, const char *why);
/* NULL: its camera is on. Else why there is no picture. */
void tb_phone_line_set_dark(TbPhoneLine *line, const char *why);
/* NULL: its microphone is on. Else why there is no sound. */
void tb_phone_line_set_mute(TbPhoneLine *line, const char *why);
bool tb_phone_line_wants_pictures(TbPhoneLine *line);
bool tb_phone_line_wants_sound(TbPhoneLine *line);
void tb_phone_line_picture(TbPhoneLine *line, TbFrame *frame_take); /* any thread */
/* Any thread. Of more than TB_LIMIT_PHONE_SOUNDS that wait the oldest go. */
void tb_phone_line_sound(TbPhoneLine *line, TbSound *sound_take);
/* `stream` is a TB_NAME_STREAM. Of more than TB_LIMIT_STREAMS streams between two turns of the lane the last are left out. */
void tb_phone_line_sample(TbPhoneLine *line, const char *stream, const char *quantity, const char *unit,
                          double value);
/* False: TB_LIMIT_PHONE_EVENTS wait already, and it is left out. */
bool tb_phone_line_event(TbPhoneLine *line, const char *type, json_t *data_take);

/* --- a lane of the driver; its worker's thread --- */
typedef enum TbPhoneTapOf { TB_PHONE_CAMERA, TB_PHONE_SENSORS } TbPhoneTapOf;
/* TB_ERROR_GONE, in words: no such phone is paired, or it is away. One tap of each sort. */
TbPhoneTap *tb_phone_tap_new(const char *name, TbPhoneTapOf of, GError **error);
void tb_phone_tap_free(TbPhoneTap *tap);              /* accepts NULL */
int tb_phone_tap_fd(TbPhoneTap *tap);                 /* readable when there is something to take; borrowed */
void tb_phone_tap_want(TbPhoneTap *tap, bool wanted); /* pictures of the camera's, sound of the sensors' */

typedef struct TbPhoneSample {
        char *stream, *quantity, *unit; /* owned */
        double value;
} TbPhoneSample;
typedef struct TbPhoneEvent {
        char *type;   /* owned */
        json_t *data; /* owned */
} TbPhoneEvent;
typedef struct TbPhoneTaken {
        TbFrame *frame; /* owned; NULL: none */
        char *dark;     /* owned; why there is no picture (camera) or no sound (sensors); NULL: nothing new */
        GPtrArray *sounds;  /* owned TbSound, in order */
        GPtrArray *samples; /* owned TbPhoneSample */
        GPtrArray *events;  /* owned TbPhoneEvent, in order */
} TbPhoneTaken;
/* All that came since. False: TB_ERROR_GONE, the phone is away or was removed; `taken` is as it was. */
bool tb_phone_tap_take(TbPhoneTap *tap, TbPhoneTaken *ret_taken, GError **error);
void tb_phone_taken_clear(TbPhoneTaken *taken);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbPhoneTaken, tb_phone_taken_clear)
