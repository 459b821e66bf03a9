/*
 * USB devices that are real to the kernel: functions of FunctionFS, for the lab (tests/rig/gadgets.mjs), whose kernel plugs them into itself
 * by dummy_hcd. Written from the vectors of PROTOCOLS 5.2, from the USBTMC and USB488 specifications (USB-IF, 2003) and IEEE 488.2; never
 * from the drivers.
 *
 *      gadget relay MOUNT FOLDER     a board of www.dcttech.com with its number RIG01
 *      gadget tmc MOUNT FOLDER       a supply that speaks SCPI by USBTMC
 *
 * It says "ready" when the descriptors are written. FOLDER/state says what it is now ("0b00000010", "12.5 on"); while there is a file of
 * that name it: `stuck` takes commands and does nothing, `deaf` refuses, `other` is another board, `mute` never answers a query.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usb/ch9.h>
#include <linux/usb/functionfs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *mount_at, *folder;

static void die(const char *what)
{
        perror(what);
        exit(1);
}

static int open_in(const char *dir, const char *name, int flags)
{
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, name);
        return open(path, flags | O_CLOEXEC, 0644);
}

static bool is(const char *fault)
{
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, fault);
        return access(path, F_OK) == 0;
}

static void state(const char *text)
{
        int fd = open_in(folder, "state", O_WRONLY | O_CREAT | O_TRUNC);
        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                die("state");
        close(fd);
}

/* --- descriptors --- */
static unsigned char text[512];
static size_t used;

static void put(const void *data, size_t size)
{
        memcpy(text + used, data, size);
        used += size;
}

static void put32(unsigned value)
{
        put(&(unsigned){htole32(value)}, 4);
}

/* One interface for full and for high speed. */
static int describe(const unsigned char *interface, size_t size, unsigned count, unsigned high_speed_from)
{
        put32(FUNCTIONFS_DESCRIPTORS_MAGIC_V2);
        put32((unsigned)(12 + 8 + 2 * size));
        put32(FUNCTIONFS_HAS_FS_DESC | FUNCTIONFS_HAS_HS_DESC | FUNCTIONFS_ALL_CTRL_RECIP);
        put32(count);
        put32(count);
        put(interface, size);
        size_t high = used;
        put(interface, size);
        for (unsigned at = high_speed_from; high_speed_from && at < size;
             at += 7) /* bulk: 512 bytes a packet */
                text[high + at + 4] = 0, text[high + at + 5] = 2;
        int ep0 = open_in(mount_at, "ep0", O_RDWR);
        if (ep0 < 0 || write(ep0, text, used) < 0)
                die("ep0");
        used = 0;
        put32(FUNCTIONFS_STRINGS_MAGIC);
        put32(16);
        put32(0);
        put32(0);
        if (write(ep0, text, used) < 0)
                die("strings");
        puts("ready");
        fflush(stdout);
        return ep0;
}

static void stall(int ep0, const struct usb_ctrlrequest *setup)
{
        char none;
        if (setup->bRequestType & USB_DIR_IN ? read(ep0, &none, 0) : write(ep0, &none, 0)) {
        } /* the wrong direction is how FunctionFS is told to refuse; it answers with an error that says so */
}

static void answer(int ep0, const struct usb_ctrlrequest *setup, const void *data, size_t size)
{
        size_t most = le16toh(setup->wLength);
        if (write(ep0, data, size < most ? size : most) < 0)
                perror("answer");
}

/* Each request of the control pipe, until the mount ends. */
static void serve(int ep0, void (*request)(int ep0, const struct usb_ctrlrequest *setup))
{
        struct usb_functionfs_event event;
        while (read(ep0, &event, sizeof event) == sizeof event)
                if (event.type == FUNCTIONFS_SETUP)
                        request(ep0, &event.u.setup);
}

/* --- the relay board --- */
static unsigned char relays;

static const unsigned char report[] = {0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x15, 0x00, 0x26, 0xff,
                                       0x00, 0x75, 0x08, 0x95, 0x08, 0x09, 0x00, 0xb2, 0x02, 0x01, 0xc0};

static void relay_state(void)
{
        char line[16] = "0b00000000";
        for (int i = 0; i < 8; i++)
                line[9 - i] = relays >> i & 1 ? '1' : '0';
        state(line);
}

static void relay_command(const unsigned char *data)
{
        unsigned char bit = data[1] >= 1 && data[1] <= 8 ? (unsigned char)(1 << (data[1] - 1)) : 0;
        if (is("stuck"))
                return;
        switch (data[0]) {
        case 0xff: relays |= bit; break;
        case 0xfd: relays &= (unsigned char)~bit; break;
        case 0xfe: relays = 0x0f; break;
        case 0xfc: relays = 0; break;
        }
        relay_state();
}

static void relay_request(int ep0, const struct usb_ctrlrequest *setup)
{
        unsigned char data[8] = "RIG01";
        bool standard = (setup->bRequestType & USB_TYPE_MASK) == USB_TYPE_STANDARD;
        if (standard && setup->bRequest == USB_REQ_GET_DESCRIPTOR && le16toh(setup->wValue) == 0x2200) {
                answer(ep0, setup, report, sizeof report);
        } else if (is("deaf") || standard) {
                stall(ep0, setup);
        } else if (setup->bRequestType & USB_DIR_IN) {
                data[4] = is("other") ? '2' : '1';
                data[7] = relays;
                answer(ep0, setup, data, sizeof data);
        } else {
                ssize_t n = read(ep0, data, le16toh(setup->wLength) < 8 ? le16toh(setup->wLength) : 8);
                if (setup->bRequest == 9 && n == 8)
                        relay_command(data);
        }
}

static void relay(void)
{
        static const unsigned char interface[] = {9, 4,    0,    0,    1, 3, 0,    0,
                                                  0, /* HID */
                                                  9, 0x21, 0x01, 0x01, 0, 1, 0x22, sizeof report,
                                                  0, 7,    5,    0x81, 3, 8, 0,    20};
        relay_state();
        serve(describe(interface, sizeof interface, 3, 0), relay_request);
}

/* --- the instrument --- */
static struct {
        double volts;
        bool on;
        int error; /* of its queue; one is enough */
} supply = {.volts = 5};

static void supply_state(void)
{
        char line[64];
        snprintf(line, sizeof line, "%g %s", supply.volts, supply.on ? "on" : "off");
        state(line);
}

static char reply[8192]; /* its output queue: a response message without its end */
static size_t reply_size, reply_sent;

static void say(const char *line)
{
        reply_size = (size_t)snprintf(reply, sizeof reply, "%s\n", line);
        reply_sent = 0;
}

/* IEEE 488.2 11.4: what it does not know is an error in the queue, and no answer. */
static void obey(char *message)
{
        char line[64];
        message[strcspn(message, "\r\n")] = '\0';
        if (strcasecmp(message, "*IDN?") == 0) {
                say("TESTBED RIG,TMC-1,RIG0002,1.0");
        } else if (strcasecmp(message, "SYST:ERR?") == 0) {
                say(supply.error ? "-113,\"Undefined header\"" : "+0,\"No error\"");
                supply.error = 0;
        } else if (strcasecmp(message, "VOLT?") == 0) {
                snprintf(line, sizeof line, "%+.4E", supply.volts);
                say(line);
        } else if (strcasecmp(message, "OUTP?") == 0) {
                say(supply.on ? "1" : "0");
        } else if (strcasecmp(message, "HCOP:DATA?") ==
                   0) { /* a block that ends with a packet: a ZLP follows */
                reply_size = 5 * 512 - 12;
                memset(reply, 'x', sizeof reply);
                reply[0] = '#', reply[1] = '4', reply[2] = '2', reply[3] = '5', reply[4] = '4',
                reply[5] = '1';
                reply[reply_size - 1] = '\n';
                reply_sent = 0;
        } else if (strncasecmp(message, "VOLT ", 5) == 0) {
                supply.volts = strtod(message + 5, NULL);
        } else if (strncasecmp(message, "OUTP ", 5) == 0) {
                supply.on = is("stuck") ? supply.on : strcasecmp(message + 5, "ON") == 0;
        } else {
                supply.error = -113;
        }
        supply_state();
}

static int bulk_in = -1, bulk_out = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* REQUEST_DEV_DEP_MSG_IN: as much as is asked for, EOM with the last of it. */
static void send_reply(const unsigned char *head)
{
        static unsigned char out[12 + sizeof reply + 4];
        unsigned most;
        memcpy(&most, head + 4, 4);
        size_t left = reply_size - reply_sent, n = left < le32toh(most) ? left : le32toh(most);
        memset(out, 0, 12);
        memcpy(out, head, 3);
        out[0] = 2;
        memcpy(out + 4, &(unsigned){htole32((unsigned)n)}, 4);
        out[8] = n == left;
        memcpy(out + 12, reply + reply_sent, n);
        reply_sent += n;
        size_t size = (12 + n + 3) & ~(size_t)3;
        if (write(bulk_in, out, size) < 0 || (size % 512 == 0 && write(bulk_in, out, 0) < 0))
                perror("bulk in");
}

static void *take(void *unused)
{
        static unsigned char message[65536];
        static char line[65536];
        static size_t length;
        for (;;) {
                ssize_t n = read(bulk_out, message, sizeof message);
                unsigned size;
                if (n < 12 || message[1] != (unsigned char)~message[2] || message[1] == 0) {
                        if (n < 0 && errno != ESHUTDOWN) /* pulled: the next read waits until it is back */
                                return unused;
                        continue;
                }
                pthread_mutex_lock(&lock);
                memcpy(&size, message + 4, 4);
                size = le32toh(size);
                if (message[0] == 1 && size <= (size_t)n - 12 && length + size < sizeof line) {
                        memcpy(line + length, message + 12, size);
                        length += size;
                        line[length] = '\0';
                        if (message[8] & 1) {
                                obey(line);
                                length = 0;
                        }
                } else if (message[0] == 2 && reply_sent < reply_size && !is("mute")) {
                        send_reply(message);
                }
                pthread_mutex_unlock(&lock);
        }
}

/* USBTMC 4.2.1, USB488 4.3. */
static void tmc_request(int ep0, const struct usb_ctrlrequest *setup)
{
        unsigned char data[24] = {1};
        bool in = setup->bRequestType & USB_DIR_IN;
        switch (in ? setup->bRequest : 0) {
        case 1: /* INITIATE_ABORT_BULK_OUT, _IN: nothing is under way by now */
        case 3:
                data[0] = 0x81; /* STATUS_TRANSFER_NOT_IN_PROGRESS */
                answer(ep0, setup, data, 2);
                break;
        case 2:
        case 4: answer(ep0, setup, data, 8); break;
        case 5: /* INITIATE_CLEAR */
                pthread_mutex_lock(&lock);
                reply_size = reply_sent = 0;
                pthread_mutex_unlock(&lock);
                answer(ep0, setup, data, 1);
                break;
        case 6: answer(ep0, setup, data, 2); break;
        case 7: /* GET_CAPABILITIES: 1.00, USB488 1.00 */
                data[3] = data[13] = 1;
                answer(ep0, setup, data, 24);
                break;
        case 128: /* READ_STATUS_BYTE: MAV while an answer waits */
                data[1] = (unsigned char)le16toh(setup->wValue);
                data[2] = (unsigned char)((reply_sent < reply_size ? 0x10 : 0) | (supply.error ? 0x04 : 0));
                answer(ep0, setup, data, 3);
                break;
        default: stall(ep0, setup); break;
        }
}

static void tmc(void)
{
        static const unsigned char interface[] = {9, 4, 0,    0, 2,  0xfe, 3, 1, 0, /* USB488 */
                                                  7, 5, 0x01, 2, 64, 0,    0,       /* bulk out */
                                                  7, 5, 0x82, 2, 64, 0,    0};
        pthread_t thread;
        supply_state();
        int ep0 = describe(interface, sizeof interface, 3, 9);
        bulk_out = open_in(mount_at, "ep1", O_RDWR);
        bulk_in = open_in(mount_at, "ep2", O_RDWR);
        if (bulk_in < 0 || bulk_out < 0 || pthread_create(&thread, NULL, take, NULL) != 0)
                die("endpoints");
        serve(ep0, tmc_request);
}

int main(int argc, char **argv)
{
        if (argc != 4)
                return 2;
        mount_at = argv[2];
        folder = argv[3];
        if (strcmp(argv[1], "relay") == 0)
                relay();
        else
                tmc();
        return 0;
}
