#pragma once
/*
 * The messages of multicast DNS, as far as browsing for services needs them: questions out, answers in. Strict: a message with
 * anything malformed is refused whole. Pure. IPv4 addresses only.
 * Source: RFC 1035 §4 (messages, compression), RFC 6762 §18 (mDNS), RFC 6763 §4, §6 (instance names, TXT).
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_MDNS_PORT 5353
#define TB_MDNS_GROUP "224.0.0.251"
#define TB_MDNS_MESSAGE 9000 /* bytes: RFC 6762 §17 */
/* A name as text: labels with a dot between them, "\." and "\\" for a dot and a backslash in one; with its NUL. */
#define TB_MDNS_NAME 512

typedef enum TbMdnsType {
        TB_MDNS_A = 1,
        TB_MDNS_PTR = 12,
        TB_MDNS_TXT = 16,
        TB_MDNS_SRV = 33,
        TB_MDNS_ANY = 255
} TbMdnsType;

typedef struct TbMdnsRecord {
        char name[TB_MDNS_NAME];
        TbMdnsType type;           /* others are passed over */
        guint32 ttl_s;             /* 0: it says goodbye */
        char target[TB_MDNS_NAME]; /* PTR, SRV; else "" */
        guint16 port;              /* SRV */
        guint8 address[4];         /* A */
        const guint8 *txt;         /* TXT: borrowed from the message */
        gsize txt_size;
} TbMdnsRecord;

typedef void (*TbMdnsTell)(const TbMdnsRecord *record, gpointer data);

/* Reads one datagram. Returns its size; 0: a question, or something else that is no answer, which is nothing to us; -1: malformed.
 * `tell` is called with each record, and only when the whole message is well. Records whose names no text can hold (not UTF-8,
 * control characters) are left out. */
gssize tb_mdns_parse(const guint8 *data, gsize size, TbMdnsTell tell, gpointer user);

/* A question for `name` (as text) appended to `message`, which is made with tb_mdns_question_new(). False: it is no name, or
 * no longer fits into `most` bytes. */
GByteArray *tb_mdns_question_new(void);
bool tb_mdns_question_add(GByteArray *message, const char *name, TbMdnsType type, gsize most);

/* {"key": "value"}, keys in lower case; of two of one key the first counts; what is no text is left out. The caller owns it. */
json_t *tb_mdns_txt(const guint8 *txt, gsize size);
/* The first label of a name, without its escapes ("Printer\.1._http._tcp.local" → "Printer.1"). The caller frees. */
char *tb_mdns_first_label(const char *name);
