// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// Which Merkle roots the society has put on this chain, when, and which of them it has taken back.
/// A root is 32 bytes of SHA-256: nothing here leads to a person.
contract AnchorRegistry is AccessControl {
    bytes32 public constant ANCHOR_ROLE = keccak256("ANCHOR_ROLE");
    bytes32 public constant REVOKER_ROLE = keccak256("REVOKER_ROLE");

    /// One storage slot. `time` is 0 for an unknown root, `revokedTime` for one that stands; both in Unix seconds.
    struct Anchor {
        uint64 time;
        uint64 blockNumber;
        uint64 revokedTime;
    }

    mapping(bytes32 root => Anchor) private _anchors;

    event Anchored(bytes32 indexed root, address indexed by);
    event Revoked(bytes32 indexed root, address indexed by);

    error AlreadyAnchored(bytes32 root);
    error UnknownRoot(bytes32 root);
    error ZeroRoot();
    error NotOneRoot(uint256 length);

    constructor(address admin) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(ANCHOR_ROLE, admin);
        _grantRole(REVOKER_ROLE, admin);
    }

    /// The whole input of the transaction is the root: what verifiers of merkle-proof-2019 compare it with.
    fallback() external onlyRole(ANCHOR_ROLE) {
        if (msg.data.length != 32) revert NotOneRoot(msg.data.length);
        _anchor(bytes32(msg.data));
    }

    /// A history at once, for the move to a successor network. All of them, or none.
    function anchorMany(bytes32[] calldata roots) external onlyRole(ANCHOR_ROLE) {
        for (uint256 i = 0; i < roots.length; ++i) _anchor(roots[i]);
    }

    /// Takes a root back for good. A second time changes nothing.
    function revoke(bytes32 root) external onlyRole(REVOKER_ROLE) {
        Anchor storage known = _anchors[root];
        if (known.time == 0) revert UnknownRoot(root);
        if (known.revokedTime != 0) return;
        known.revokedTime = uint64(block.timestamp);
        emit Revoked(root, msg.sender);
    }

    /// When `root` was anchored, in Unix seconds; 0 = unknown.
    function anchoredAt(bytes32 root) external view returns (uint64) {
        return _anchors[root].time;
    }

    /// All that is known of `root`; zeros = unknown.
    function anchorOf(bytes32 root) external view returns (uint64 time, uint64 blockNumber, uint64 revokedTime) {
        Anchor storage known = _anchors[root];
        return (known.time, known.blockNumber, known.revokedTime);
    }

    /// Whether `leaf` is under a `root` that stands: anchored, not taken back. `proof`: the siblings from the leaf upwards.
    /// Leaves are not hashed again: compute the leaf from the document, or an inner node passes for one.
    function verify(bytes32 root, bytes32 leaf, bytes32[] calldata proof) external view returns (bool) {
        Anchor storage known = _anchors[root];
        return known.time != 0 && known.revokedTime == 0 && MerkleProof.verifyCalldata(proof, root, leaf, _parent);
    }

    function _parent(bytes32 one, bytes32 other) private pure returns (bytes32) {
        return one < other ? sha256(abi.encodePacked(one, other)) : sha256(abi.encodePacked(other, one));
    }

    function _anchor(bytes32 root) private {
        if (root == bytes32(0)) revert ZeroRoot();
        if (_anchors[root].time != 0) revert AlreadyAnchored(root);
        _anchors[root] = Anchor(uint64(block.timestamp), uint64(block.number), 0);
        emit Anchored(root, msg.sender);
    }
}
