/* SPDX-License-Identifier: MIT */
/* Receive windows and segment sizes that options limit. lwIP has one window for all connections:
 * what a connection may not have of it is never given back to lwIP once it has been used. What
 * the peer was told is not taken back. All under net_core. Source: tcp(7), socket(7), RFC 9293
 * 3.7.1 and 3.8.6. */
#include "net/tcpwindow.h"

#include <lwip/priv/tcp_priv.h>

#include "kernel/base/string.h"

#define RECVED_MAX 0xffffU /* tcp_recved's */
#define SEGMENT_LEAST 536U /* however small the peer's window is */
#define OPTION_MSS 2
#define OPTION_MSS_LEN 4

/* Bytes; 0: as many as lwIP has. */
static uint32_t limit_of(const struct tcp_socket *t)
{
    uint32_t clamp = t->values.window_clamp;
    uint32_t buffer = t->values.receive_limit;
    return clamp == 0 ? buffer : buffer == 0 ? clamp : min(clamp, buffer);
}

static void offer_segment(uint32_t most, struct tcp_hdr *header)
{
    uint8_t *option = (uint8_t *)(header + 1);
    if (most == 0 || TCPH_HDRLEN_BYTES(header) < TCP_HLEN + OPTION_MSS_LEN ||
        option[0] != OPTION_MSS) {
        return;
    }
    unsigned mss = min((unsigned)option[2] << 8 | option[3], most);
    option[2] = (uint8_t)(mss >> 8);
    option[3] = (uint8_t)mss;
}

void tcpwindow_offer_locked(const struct tcp_socket *t, struct tcp_pcb *pcb, struct tcp_hdr *header)
{
    uint32_t limit = limit_of(t);
    lock_assert_held(&net_core);
    offer_segment(t->values.max_segment, header);
    if (limit != 0) {
        uint32_t window = min((uint32_t)lwip_ntohs(header->wnd), limit);
        header->wnd = lwip_htons((uint16_t)window); /* of a SYN it is not scaled */
        pcb->rcv_ann_right_edge = pcb->rcv_nxt + window;
    }
}

static void limit_window(struct tcp_pcb *pcb, uint32_t limit)
{
    int32_t told = (int32_t)(pcb->rcv_ann_right_edge - pcb->rcv_nxt);
    uint32_t window = max(limit, (uint32_t)max(told, 0));
    pcb->rcv_wnd = min(pcb->rcv_wnd, window);
    pcb->rcv_ann_wnd = min(pcb->rcv_ann_wnd, window);
}

void tcpwindow_start_locked(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    uint32_t limit = limit_of(t);
    uint32_t mss = pcb->mss;
    lock_assert_held(&net_core);
    if (limit != 0) {
        limit_window(pcb, limit);
    }
    if (t->values.max_segment != 0) {
        mss = min(mss, t->values.max_segment);
    }
    /* lwIP waits long before it sends a part of a segment for which a window is too small */
    if (pcb->snd_wnd < UINT16_MAX && mss > pcb->snd_wnd / 2) {
        mss = min(mss, max(pcb->snd_wnd / 2, SEGMENT_LEAST));
    }
    pcb->mss = (uint16_t)mss;
}

/* Without a limit: all that was read. */
static void give_all(struct tcp_pcb *pcb, size_t len)
{
    while (len != 0) {
        uint16_t part = (uint16_t)min(len, RECVED_MAX);
        tcp_recved(pcb, part);
        len -= part;
    }
}

void tcpwindow_read_locked(struct tcp_socket *t, size_t len)
{
    struct tcp_pcb *pcb = t->pcb;
    uint32_t limit = min(limit_of(t), TCP_WND_MAX(pcb));
    lock_assert_held(&net_core);
    if (limit == 0) {
        give_all(pcb, len);
        return;
    }
    size_t kept = pcb->refused_data != NULL ? pcb->refused_data->tot_len : 0;
    size_t whole = pcb->rcv_wnd + t->received_bytes + kept;
    if (whole < limit) {
        pcb->rcv_wnd += limit - (uint32_t)whole;
    }
    uint32_t growth = pcb->rcv_nxt + pcb->rcv_wnd - pcb->rcv_ann_right_edge;
    if ((int32_t)growth > 0 && growth >= min(limit / 2, TCP_WND_UPDATE_THRESHOLD)) {
        pcb->rcv_ann_wnd = pcb->rcv_wnd;
        tcp_ack_now(pcb);
        (void)tcp_output(pcb);
    }
}
