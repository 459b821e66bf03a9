#pragma once
/*
 * An HTTP/1.1 answer as it comes from our own server: head, and a body by length, in chunks, or to the end of the connection. Pure: bytes
 * come in pieces, pieces of the body go out. Any thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbCarryAnswer {
        bool head_only;  /* the answer to a HEAD */
        int status;      /* 0: its head is not complete */
        json_t *headers; /* owned: those that are told on, by their names in lower case */
        bool goes_on;    /* 100: the body of the request is wanted; cleared by who has seen it */
        bool keeps;      /* the connection is good for another request */
        bool complete;   /* all of it has come */
        bool broken;     /* it is none that we understand */
        /* private */
        GString *text; /* owned; a head or a chunk's line so far */
        gint64 left;   /* bytes of the body or the chunk; -1: to the end */
        bool chunked, in_trailer, behind_chunk;
} TbCarryAnswer;

/* Adds one of an answer's to those that are told on, or leaves it out: what tells something to the other side goes, what is between us and
 * our own server stays here. */
void tb_carry_answer_header(json_t *headers, const char *name, const char *value);
void tb_carry_answer_init(TbCarryAnswer *answer, bool head_only);
void tb_carry_answer_clear(TbCarryAnswer *answer);
/* Takes bytes up to the next piece of the body, which *ret_body names within `bytes`; gives how many it has taken. Called again with the
 * rest until all are taken, or it is complete or broken. */
gsize tb_carry_answer_take(TbCarryAnswer *answer, const char *bytes, gsize size, const char **ret_body,
                           gsize *ret_body_size);
void tb_carry_answer_end(TbCarryAnswer *answer); /* the connection has ended */
