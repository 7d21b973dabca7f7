//! Behind the layer, a handler reads the same body as without it: bytes, trailers, errors, size hints and end.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use affitor_tower::{ClickId, ClickIdLayer, Sources};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};
use proptest::prelude::*;
use tower::{Layer, Service, service_fn};

/// A body that follows a script.
#[derive(Clone, Debug)]
struct Script {
    steps: VecDeque<Step>,
    length: Length,
    knows_its_end: bool,
    past_the_end: PastTheEnd,
    ended: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Data(Vec<u8>),
    Pending,
    Trailers,
    Error,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Exact,
    Unknown,
    AtLeast(u64),
    AtMost(u64),
}

#[derive(Clone, Copy, Debug)]
enum PastTheEnd {
    Nothing,
    Error,
}

impl Script {
    fn remaining(&self) -> u64 {
        self.steps.iter().map(|step| if let Step::Data(data) = step { data.len() as u64 } else { 0 }).sum()
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.steps.pop_front() {
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data.into())))),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Trailers) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-checksum", "1".parse().unwrap());
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Some(Step::Error) => Poll::Ready(Some(Err("connection lost"))),
            None if !self.ended => {
                self.ended = true;
                Poll::Ready(None)
            }
            None => match self.past_the_end {
                PastTheEnd::Nothing => Poll::Ready(None),
                PastTheEnd::Error => Poll::Ready(Some(Err("polled past the end"))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        match self.length {
            Length::Exact => hint.set_exact(self.remaining()),
            Length::Unknown => {}
            Length::AtLeast(lower) => hint.set_lower(lower.min(self.remaining())),
            Length::AtMost(extra) => hint.set_upper(self.remaining() + extra),
        }
        hint
    }
}

/// Everything that a handler can observe of a body.
#[derive(Debug, Default, PartialEq)]
struct Observed {
    bytes: Vec<u8>,
    /// Trailers, errors and ends in order, each with its offset. Includes the results of three polls past the end.
    events: Vec<(usize, String)>,
    /// Values of `is_end_stream` and `size_hint` (lower and upper bound) at each offset.
    hints: HashMap<usize, Vec<(bool, u64, Option<u64>)>>,
}

fn read(body: impl Body<Data = Bytes, Error = &'static str>) -> Observed {
    let mut body = pin!(body);
    let mut observed = Observed::default();
    let mut cx = Context::from_waker(Waker::noop());
    let mut ends = 0;
    while ends < 4 {
        let size = body.size_hint();
        let hint = (body.is_end_stream(), size.lower(), size.upper());
        if ends == 0 {
            observed.hints.entry(observed.bytes.len()).or_default().push(hint);
        }
        let at = observed.bytes.len();
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Pending => {}
            Poll::Ready(None) => {
                ends += 1;
                observed.events.push((at, "end".into()));
            }
            Poll::Ready(Some(Err(error))) => {
                ends += 1;
                observed.events.push((at, error.into()));
            }
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => observed.bytes.extend_from_slice(&data),
                Err(trailers) => observed.events.push((at, format!("{:?}", trailers.into_trailers().unwrap()))),
            },
        }
    }
    observed
}

/// Sends a request through a layer that inspects every body it can, and reads the body in the handler. If `declares_length` is
/// true, the request has a `Content-Length`.
fn read_behind_layer(
    sources: Sources,
    content_type: &str,
    declares_length: bool,
    body: Script,
) -> (Observed, Option<ClickId>) {
    let handler = service_fn(async |request: Request<affitor_tower::Replay<Script>>| {
        let click_id = request.extensions().get::<ClickId>().cloned();
        Ok::<_, Infallible>((read(request.into_body()), click_id))
    });
    let mut service = ClickIdLayer::new().sources(sources).read_body().layer(handler);
    let mut request = Request::builder().header("content-type", content_type);
    if declares_length {
        request = request.header("content-length", body.remaining());
    }
    let mut response = pin!(service.call(request.body(body).unwrap()));
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        if let Poll::Ready(Ok(result)) = response.as_mut().poll(&mut cx) {
            return result;
        }
    }
    panic!("the layer did not call the handler");
}

fn assert_same(without_layer: &Observed, behind_layer: &Observed) {
    assert_eq!(without_layer.bytes, behind_layer.bytes);
    assert_eq!(without_layer.events, behind_layer.events);
    for (offset, hints) in &behind_layer.hints {
        let expected = &without_layer.hints[offset];
        for hint in hints {
            assert!(expected.contains(hint), "at {offset}: {hint:?} is not one of {expected:?}");
        }
    }
}

/// Splits the bytes into frames of these sizes, which repeat, and inserts the other steps.
fn steps(bytes: &[u8], frame_sizes: Vec<usize>, extras: Vec<(usize, Step)>) -> VecDeque<Step> {
    let mut steps = Vec::new();
    let mut remaining = bytes;
    let mut frame_sizes = frame_sizes.into_iter().cycle();
    while !remaining.is_empty() {
        let (frame, rest) = remaining.split_at(frame_sizes.next().unwrap_or(usize::MAX).min(remaining.len()));
        steps.push(Step::Data(frame.to_vec()));
        remaining = rest;
    }
    for (at, extra) in extras {
        steps.insert(at % (steps.len() + 1), extra);
    }
    // Trailers and errors end a body.
    if let Some(end) = steps.iter().position(|step| matches!(step, Step::Trailers | Step::Error)) {
        steps.truncate(end + 1);
    }
    steps.into()
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        Just(br#"{"email":"jo@example.com","affitorClickId":"cust_42_1714000000000","plan":"pro"}"#.to_vec()),
        Just(b"email=jo%40example.com&affitor_click_id=cust_42_1714000000000".to_vec()),
        Just(br#"{"affitorClickId":"cust_42_1714000000000""#.to_vec()),
    ]
}

fn any_script() -> impl Strategy<Value = Script> {
    let frame_sizes = prop_oneof![Just(vec![1]), Just(vec![usize::MAX]), prop::collection::vec(1_usize..80, 1..6)];
    let extra = prop_oneof![
        4 => Just(Step::Pending),
        2 => Just(Step::Data(Vec::new())),
        1 => Just(Step::Trailers),
        1 => Just(Step::Error),
    ];
    let length = prop_oneof![
        3 => Just(Length::Exact),
        2 => Just(Length::Unknown),
        1 => (0_u64..200).prop_map(Length::AtLeast),
        1 => (0_u64..200).prop_map(Length::AtMost),
    ];
    let past_the_end = prop_oneof![Just(PastTheEnd::Nothing), Just(PastTheEnd::Error)];
    (
        any_bytes(),
        frame_sizes,
        prop::collection::vec((any::<usize>(), extra), 0..5),
        length,
        any::<bool>(),
        past_the_end,
    )
        .prop_map(|(bytes, frame_sizes, extras, length, knows_its_end, past_the_end)| Script {
            steps: steps(&bytes, frame_sizes, extras),
            length,
            knows_its_end,
            past_the_end,
            ended: false,
        })
}

proptest! {
    #[test]
    fn the_handler_reads_the_same_body(
        script in any_script(),
        content_type in prop_oneof![
            4 => Just("application/json"),
            2 => Just("application/x-www-form-urlencoded"),
            1 => Just("text/plain"),
        ],
        limit in prop_oneof![Just(0_usize), 1_usize..400, Just(64 * 1024)],
        unknown_length: bool,
        declares_length: bool,
    ) {
        let sources = Sources::default().body_limit(limit).allow_unknown_length(unknown_length);
        let (observed, _) = read_behind_layer(sources, content_type, declares_length, script.clone());
        assert_same(&read(script), &observed);
    }

    #[test]
    fn an_id_is_found_in_any_frames(frame_sizes in prop::collection::vec(1_usize..40, 1..8), knows_its_end: bool) {
        let json = br#"{"email":"jo@example.com","affitorClickId":"cust_42_1714000000000","plan":"pro"}"#;
        let script = Script {
            steps: steps(json, frame_sizes, Vec::new()),
            length: Length::Exact,
            knows_its_end,
            past_the_end: PastTheEnd::Error,
            ended: false,
        };
        let (observed, click_id) = read_behind_layer(Sources::default(), "application/json", false, script);
        prop_assert_eq!(observed.bytes, json);
        prop_assert_eq!(click_id.unwrap(), "cust_42_1714000000000");
    }
}

#[test]
fn no_id_in_a_body_that_fails() {
    let script = Script {
        steps: VecDeque::from([Step::Data(br#"{"affitorClickId":"cust_42_1"}"#.to_vec()), Step::Error]),
        length: Length::AtMost(0),
        knows_its_end: true,
        past_the_end: PastTheEnd::Nothing,
        ended: false,
    };
    let sources = Sources::default().allow_unknown_length(true);
    let (observed, click_id) = read_behind_layer(sources, "application/json", false, script);
    assert_eq!(click_id, None);
    assert_eq!(observed.events[0], (30, "connection lost".to_owned()));
}

/// A body of a single frame is passed on without copying it.
#[test]
fn a_single_frame_is_not_copied() {
    let bytes = Bytes::from_static(br#"{"affitorClickId":"cust_42_1"}"#);
    let sent = bytes.clone();
    let handler = service_fn(async |request: Request<affitor_tower::Replay<http_body_util::Full<Bytes>>>| {
        assert!(request.extensions().get::<ClickId>().is_some());
        let mut body = pin!(request.into_body());
        let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) else {
            panic!("no frame");
        };
        Ok::<_, Infallible>(frame.into_data().unwrap())
    });
    let mut service = ClickIdLayer::new().read_body().layer(handler);
    let request = Request::builder().header("content-type", "application/json");
    let response = service.call(request.body(http_body_util::Full::new(bytes)).unwrap());
    let Poll::Ready(Ok(received)) = pin!(response).poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("not ready");
    };
    assert_eq!(received.as_ptr(), sent.as_ptr());
}
